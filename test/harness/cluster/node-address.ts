import type { Namespace } from '../../net/namespace.ts'
import { nodeAddress } from './cluster-commands.ts'

const [link, peer] = ['cluster0', 'cluster1']

/** Gives a namespace an interface with the node's address: loopback alone is no address for a node. */
export async function addNodeAddress(namespace: Namespace): Promise<AsyncDisposable> {
  await namespace.run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', peer])
  await namespace.run('ip', ['address', 'add', `${nodeAddress}/24`, 'dev', link])
  for (const name of [link, peer]) await namespace.run('ip', ['link', 'set', name, 'up'])
  return { [Symbol.asyncDispose]: async () => void (await namespace.run('ip', ['link', 'delete', link])) }
}
