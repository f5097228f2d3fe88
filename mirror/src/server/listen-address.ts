import { Fault } from '../oci/fault.ts'

/** Where a server listens. */
export interface ListenAddress {
  /** A host name or an IP address, without brackets. */
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

/**
 * Reads `HOST:PORT`; an IPv6 address is written in brackets, and no host at all means every interface.
 * @throws Fault invalid
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) {
    throw new Fault(
      'invalid',
      `"${text.slice(0, 200)}" is not an address to listen on; write HOST:PORT, such as 127.0.0.1:5080`,
    )
  }
  return { host: bracketed ?? (plain === undefined || plain === '' ? '::' : plain), port }
}

/** `HOST:PORT`, as `parseListenAddress` reads it. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether only this machine can connect to it. */
export function isLoopback({ host }: Pick<ListenAddress, 'host'>): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
