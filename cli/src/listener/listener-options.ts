import { parseByteSize } from '@stowage/mirror/byte-size'
import { Fault } from '@stowage/mirror/oci/fault'
import { parseListenAddress, type ListenAddress } from '@stowage/mirror/server/listen-address'
import { parseNetwork, type Network } from '@stowage/mirror/server/networks'
import type { Command } from 'commander'
import { eachParsedBy, option, parsedBy } from '../option.ts'

/** What all that serve a registry are told about where and to whom. */
export interface ListenerFlags {
  readonly listen: ListenAddress
  readonly tlsCertFile?: string
  readonly tlsKeyFile?: string
  readonly htpasswdFile?: string
  readonly tokenFile?: string
  readonly accessFile?: string
  readonly anonymousPull?: boolean
  readonly challenge: 'bearer' | 'basic'
  readonly tokenKeyFile?: string
  readonly rateLimit?: number
  readonly maxConnectionsPerAddress?: number
  readonly maxBlobSize?: number
  readonly trustedProxy?: readonly Network[]
  readonly unlimitedNetwork?: readonly Network[]
}

/** Adds `--listen`, TLS and access control to a command. */
export function withListenerOptions(command: Command): Command {
  return command
    .addOption(
      option('--listen <address>', 'HOST:PORT to listen on; :PORT for all interfaces')
        .argParser(parsedBy(parseListenAddress))
        .default({ host: '127.0.0.1', port: 5080 } satisfies ListenAddress, '127.0.0.1:5080'),
    )
    .addOption(option('--tls-cert-file <file>', 'certificate in PEM, for TLS; read again when it changes'))
    .addOption(option('--tls-key-file <file>', 'its key'))
    .addOption(
      option('--htpasswd-file <file>', 'users of the registry and their passwords, as "htpasswd -B" writes them'),
    )
    .addOption(option('--token-file <file>', 'users and tokens that do not end: NAME:TOKEN a line'))
    .addOption(
      option(
        '--access-file <file>',
        'rules in YAML: who may pull, push and delete which repositories (default: users may do everything)',
      ),
    )
    .addOption(option('--anonymous-pull', 'let everybody pull everything, without credentials'))
    .addOption(
      option('--challenge <scheme>', 'what clients without credentials are asked for')
        .choices(['bearer', 'basic'])
        .default('bearer'),
    )
    .addOption(
      option(
        '--token-key-file <file>',
        'secret that signs short-lived tokens, the same for all replicas (default: made at each start)',
      ),
    )
    .addOption(
      option('--rate-limit <requests>', 'requests a second that one address may send to the registry').argParser(
        parsedBy(parseRate),
      ),
    )
    .addOption(
      option(
        '--max-connections-per-address <number>',
        'connections that one address may have open at a time (default: as many as it likes)',
      ).argParser(parsedBy(parseCount)),
    )
    .addOption(
      option(
        '--max-blob-size <size>',
        'largest layer that may be pushed, as 20Gi (default: what there is room for)',
      ).argParser(parsedBy(parseByteSize)),
    )
    .addOption(
      option(
        '--trusted-proxy <network>',
        'a proxy in front, as 10.0.0.7 or 10.0.0.0/24: limits count by what its X-Forwarded-For says; may be repeated',
      ).argParser(eachParsedBy(parseNetwork)),
    )
    .addOption(
      option(
        '--unlimited-network <network>',
        'who may have as many connections as they like, such as other controllers; X-Forwarded-For is not believed; may be repeated',
      ).argParser(eachParsedBy(parseNetwork)),
    )
}

/** @throws Fault invalid */
function parseRate(text: string): number {
  const rate = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0
  if (rate > 0) return rate
  throw new Fault('invalid', `"${text.slice(0, 50)}" is not a number of requests a second above 0`)
}

/** @throws Fault invalid */
function parseCount(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (count > 0) return count
  throw new Fault('invalid', `"${text.slice(0, 50)}" is not a number of connections above 0`)
}
