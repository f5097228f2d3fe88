import type { Namespace } from './namespace.ts'

const listening = '0A'

/** What the kernel of a namespace has received and acknowledged on connections, and no program has read yet. */
export async function unreadBytes(namespace: Namespace): Promise<number> {
  // See proc_net_tcp.txt of the kernel: the columns are slot, own address, peer's address, state, tx_queue:rx_queue.
  const [, ...lines] = (await namespace.run('cat', ['/proc/net/tcp'])).split('\n')
  const rows = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state !== listening)
  return rows.reduce((sum, row) => sum + Number.parseInt(row[4]?.split(':')[1] ?? '0', 16), 0)
}
