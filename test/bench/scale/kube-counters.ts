import type { KubeApi } from '../../harness/kube/start-kube-api.ts'

/** What an API server and its etcd have counted since they were started, by themselves. */
export interface KubeCounters {
  /** Requests that changed something, by `RESOURCE VERB`: `edgenodes/status PATCH`. */
  readonly writes: ReadonlyMap<string, number>
  /** Of these kinds, those that were refused. */
  readonly refused: number
  readonly etcdPuts: number
  /** What etcd wrote into its log. */
  readonly etcdBytes: number
}

const verbs: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'])
/** Of what we write; an API server writes leases and more for itself. */
const resources: ReadonlySet<string> = new Set(['imagecaches', 'edgenodes', 'events'])

/** Asks both. */
export async function readKubeCounters({ ask, etcdUrl }: Pick<KubeApi, 'ask' | 'etcdUrl'>): Promise<KubeCounters> {
  const etcd = await (await fetch(`${etcdUrl}/metrics`)).text()
  return { ...parseWrites(await ask('/metrics')), ...parseEtcd(etcd) }
}

/** Reads `apiserver_request_total` (text format of Prometheus). */
export function parseWrites(text: string): Pick<KubeCounters, 'writes' | 'refused'> {
  const writes = new Map<string, number>()
  let refused = 0
  for (const [, list = '', value] of text.matchAll(/^apiserver_request_total\{([^}]*)\} (\S+)$/gm)) {
    const { verb = '', resource = '', subresource, code = '' } = labelsOf(list)
    if (!verbs.has(verb) || !resources.has(resource)) continue
    if (!code.startsWith('2')) refused += Number(value)
    const name = `${resource}${subresource ? `/${subresource}` : ''} ${verb}`
    if (code.startsWith('2')) writes.set(name, (writes.get(name) ?? 0) + Number(value))
  }
  return { writes, refused }
}

function labelsOf(list: string): Record<string, string> {
  return Object.fromEntries([...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]))
}

function parseEtcd(text: string): Pick<KubeCounters, 'etcdPuts' | 'etcdBytes'> {
  const valueOf = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  return { etcdPuts: valueOf('etcd_mvcc_put_total'), etcdBytes: valueOf('etcd_disk_wal_write_bytes_total') }
}

/** What was counted between two looks. */
export function countedBetween(before: KubeCounters, after: KubeCounters): KubeCounters {
  const changes = [...after.writes].map(([name, count]) => [name, count - (before.writes.get(name) ?? 0)] as const)
  return {
    writes: new Map(changes.filter(([, count]) => count > 0)),
    refused: after.refused - before.refused,
    etcdPuts: after.etcdPuts - before.etcdPuts,
    etcdBytes: after.etcdBytes - before.etcdBytes,
  }
}
