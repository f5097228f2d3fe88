import type { BlobReport, ImageReport, ManifestReport, ReferrerReport } from '@stowage/mirror/images/image-report'
import { formatBytes } from './format.ts'
import { shortDigest } from './image-columns.ts'

/** What `stowage mirror inspect` shows: the facts, then the image with all its parts, then what speaks of it. */
export function formatImageReport(report: ImageReport): string {
  const facts: [string, string][] = [
    ['repository', report.repository],
    ['digest', report.digest],
    ['tags', report.tags.join(', ') || 'none'],
    ['kept by', keepersOf(report)],
    ['platforms', report.platforms.join(', ') || '-'],
    ...(report.lackingPlatforms.length > 0
      ? [['lacking', report.lackingPlatforms.join(', ')] as [string, string]]
      : []),
    ['size', formatBytes(report.bytes)],
    ['complete', report.remark],
  ]
  const referrers = report.referrers.flatMap(linesOfReferrer)
  return [
    ...facts.map(([name, value]) => `${name.padEnd(12)}${value}`),
    '',
    ...linesOf(report.image, ''),
    ...(referrers.length > 0 ? ['', 'referrers', ...referrers] : []),
  ]
    .map((line) => `${line.replaceAll(/\p{Cc}+/gu, ' ')}\n`)
    .join('')
}

function keepersOf({ tags, keptBy }: ImageReport): string {
  const keepers = [...(tags.length > 0 ? ['its tags'] : []), ...(keptBy ?? [])]
  return keepers.join(', ') || 'no tag: it goes after a while unless an index or something else needs it'
}

function linesOf(manifest: ManifestReport, indent: string): string[] {
  const { config, configSummary, layers, manifests } = manifest
  const deeper = `${indent}  `
  return [
    `${indent}${headOf(manifest)}`,
    ...(configSummary ? [`${deeper}${summaryOf(configSummary)}`] : []),
    ...(config ? [`${deeper}${lineOf('config', config)}`] : []),
    ...layers.map((layer) => `${deeper}${lineOf('layer', layer)}`),
    ...manifests.flatMap((child) => linesOf(child, deeper)),
  ]
}

function linesOfReferrer(referrer: ReferrerReport): string[] {
  const [head = '', ...rest] = linesOf(referrer, '  ')
  const of = referrer.subject ? ` of ${shortDigest(referrer.subject)}` : ''
  return [`${head}${of}${referrer.tags.length > 0 ? ` (tag ${referrer.tags.join(', ')})` : ''}`, ...rest]
}

function headOf({ kind, platform, digest, size, state, attests, artifactType }: ManifestReport): string {
  const what = [kind, platform, artifactType, digest, formatBytes(size)].filter(Boolean).join(' ')
  return `${what}${attests === null ? '' : ` of ${shortDigest(attests)}`}${remarkOn(state)}`
}

function lineOf(name: string, { digest, size, mediaType, state }: BlobReport): string {
  return `${name.padEnd(6)} ${digest} ${formatBytes(size)} ${mediaType}${remarkOn(state)}`
}

function remarkOn(state: BlobReport['state']): string {
  return state === 'there' ? '' : `  ${state.toUpperCase()}`
}

function summaryOf({
  created,
  user,
  entrypoint,
  cmd,
  workingDir,
  exposedPorts,
}: NonNullable<ManifestReport['configSummary']>): string {
  const command = [...entrypoint, ...cmd].map((word) => (/^[\w./:=@%+-]+$/.test(word) ? word : JSON.stringify(word)))
  const parts = [
    created && `made ${created}`,
    command.length > 0 && `runs ${command.join(' ')}`,
    user && `as ${user}`,
    workingDir && `in ${workingDir}`,
    exposedPorts.length > 0 && `ports ${exposedPorts.join(', ')}`,
  ]
  return parts.filter(Boolean).join(', ') || 'an empty configuration'
}
