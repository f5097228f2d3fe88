import type { Answer } from './transport.ts'

/** Query of the next page of a list (RFC 8288, as distribution-spec uses it): the rest of its URL is ours already. */
export function nextQueryOf({ headers, url }: Pick<Answer, 'headers' | 'url'>): string | undefined {
  const link = headers['link']
  const fields = typeof link === 'string' ? [link] : (link ?? [])
  const target = fields.map((field) => /<([^<>]*)>[^<]*;\s*rel="?next"?/i.exec(field)?.[1]).find(Boolean)
  return (target && URL.parse(target, url.href)?.search) || undefined
}
