import type { Logger } from 'pino'
import type { GrpcChannel } from './grpc-channel.ts'
import { serverFacts, type Plugin, type ServerFacts, type ServerNeeds } from './server-facts.ts'

/** Knows the containerd at the other end, and asks it again after it was away: it may be another one by then. */
export interface Server {
  /** @throws Fault invalid (not one that can be used) | unavailable | denied */
  facts(): Promise<ServerFacts>
  /** Whatever was known of it need not be true any more. */
  forget(): void
}

export function createServer(channel: GrpcChannel, needs: ServerNeeds, log: Logger): Server {
  let known: Promise<ServerFacts> | undefined
  let said: string | undefined

  async function ask(): Promise<ServerFacts> {
    const { version } = await channel.call<{ version: string }>('Version/Version', {})
    const { plugins } = await channel.call<{ plugins: Plugin[] }>('Introspection/Plugins', {})
    const { namespaces } = await channel.call<{ namespaces: { name: string }[] }>('Namespaces/List', {})
    const facts = serverFacts({ version, plugins, namespaces: namespaces.map(({ name }) => name) }, needs)
    say(facts)
    return facts
  }

  /** Once for each that is found: one that comes and goes, or is asked again and again, fills no log. */
  function say(facts: ServerFacts): void {
    const { version, snapshotsDirectory: directory } = facts
    if (said === JSON.stringify(facts)) return
    said = JSON.stringify(facts)
    log.info({ version, ...needs, directory }, 'containerd found')
    if (facts.hasCri && !facts.honoursPins) {
      log.warn({ version }, 'this containerd knows no pins: the kubelet may remove our images when its disk fills')
    }
  }

  return {
    facts() {
      known ??= ask()
      known.catch(() => (known = undefined))
      return known
    },
    forget() {
      known = undefined
    },
  }
}
