import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { request } from 'node:https'
import type { NetConnectOpts } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { openRelay } from '../../net/open-relay.ts'
import { answerDns } from './dns-answer.ts'

// What kube-proxy and CoreDNS do, as far as tests need it: each Service answers at its own address and under its name. Runs
// in the network of a cluster, without a rule of the kernel's: the addresses are given to the loopback interface.
//
//     node serve-services.ts API-SERVER TOKEN NAME-SERVER

interface Service {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: { readonly clusterIP?: string; readonly ports?: readonly { name?: string; port: number }[] }
}

interface EndpointSlice {
  readonly metadata: { readonly namespace: string; readonly labels?: Readonly<Record<string, string>> }
  readonly endpoints?: readonly { addresses: string[]; conditions?: { ready?: boolean } }[] | null
  readonly ports?: readonly { name?: string; port: number }[] | null
}

const [apiServer = '', token = '', nameServer = ''] = process.argv.slice(2)
const everyMs = 250
/** By `ADDRESS:PORT` of Services; what is not there refuses. */
let targets = new Map<string, NetConnectOpts[]>()
let names = new Map<string, string>()
const listening = new Set<string>()
const addresses = new Set<string>()
let turn = 0

// Ends with whoever started it.
process.stdin.resume().once('close', () => process.exit())
giveAddress(nameServer)
const dns = createSocket('udp4')
dns.on('message', (query, { port, address }) =>
  dns.send(
    answerDns(query, (name) => names.get(name)),
    port,
    address,
  ),
)
dns.bind(53, nameServer)
for (;;) {
  // The API server may be away for a while.
  await look().catch((error: unknown) => console.error(String(error)))
  await delay(everyMs)
}

async function look(): Promise<void> {
  const services = await list<Service>('/api/v1/services')
  const slices = await list<EndpointSlice>('/apis/discovery.k8s.io/v1/endpointslices')
  const found = services.filter(({ spec }) => spec.clusterIP !== undefined && spec.clusterIP !== 'None')
  names = new Map(found.map(({ metadata: { name, namespace }, spec }) => [nameOf(name, namespace), spec.clusterIP!]))
  targets = new Map(found.flatMap((service) => targetsOf(service, slices)))
  for (const key of targets.keys()) if (!listening.has(key)) await serve(key)
}

function nameOf(name: string, namespace: string): string {
  return `${name}.${namespace}.svc.cluster.local`
}

function targetsOf({ metadata, spec }: Service, slices: readonly EndpointSlice[]): [string, NetConnectOpts[]][] {
  const own = slices.filter(
    ({ metadata: { namespace, labels = {} } }) =>
      namespace === metadata.namespace && labels['kubernetes.io/service-name'] === metadata.name,
  )
  return (spec.ports ?? []).map(({ name = '', port }) => {
    const ready = own.flatMap(({ endpoints, ports }) => {
      const target = ports?.find((candidate) => (candidate.name ?? '') === name)
      const hosts = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
      return target ? hosts.flatMap((endpoint) => endpoint.addresses.map((host) => ({ host, port: target.port }))) : []
    })
    return [`${spec.clusterIP}:${port}`, ready]
  })
}

async function serve(key: string): Promise<void> {
  const [host = '', port] = key.split(':')
  listening.add(key)
  giveAddress(host)
  await openRelay({ host, port: Number(port) }, () => {
    const ready = targets.get(key) ?? []
    turn += 1
    return ready[turn % ready.length]
  })
}

function giveAddress(address: string): void {
  if (addresses.has(address)) return
  addresses.add(address)
  execFileSync('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo'])
}

/** The certificate is the API server's own. */
function list<Item>(path: string): Promise<readonly Item[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Item[]>()
  const headers = { authorization: `Bearer ${token}` }
  request(`${apiServer}${path}`, { headers, rejectUnauthorized: false }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (piece: string) => (text += piece))
    response.on('end', () => {
      if (response.statusCode !== 200) return reject(new Error(`${path}: ${response.statusCode}`))
      resolve((JSON.parse(text) as { items: Item[] }).items)
    })
  })
    .on('error', reject)
    .end()
  return promise
}
