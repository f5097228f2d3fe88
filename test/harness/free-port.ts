import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below those that Linux gives to clients and to who listens on port 0 (`net.ipv4.ip_local_port_range`): one of those can
 * be taken while the program that it was meant for starts.
 */
const [first, afterLast] = [20_000, 32_000]
/** For each of vitest's workers that run side by side. */
const share = 1000
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0)
let next = Math.floor(Math.random() * share)

/**
 * A loopback port that nobody listened on a moment ago, and that no test beside this one is given. Where a program can
 * listen on port 0 and say which one it got, that is better; this is for those that must come back on the port they had.
 * @throws Error if others have all that there are
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < share; tried++) {
    const port = first + ((worker * share + (next++ % share)) % (afterLast - first))
    if (await isFree(port)) return port
  }
  throw new Error(`programs have all ports that worker ${worker} may give to tests`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
