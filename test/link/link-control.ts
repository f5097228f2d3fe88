import type { AddressInfo } from 'node:net'
import { openJsonControl } from './json-control.ts'
import type { Link } from './link.ts'
import { cutPlanSchema, cutSchema, shapeSchema } from './link-protocol.ts'

export interface LinkControl extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
}

/**
 * Serves the control of a link as JSON over HTTP: `GET /stats`, and `POST` of `/shape`, `/cut`, `/up`, `/plan`,
 * `/reset-counters`. Every answer is the stats after the change; what it does not understand is a 400 with the reason.
 */
export async function openLinkControl(link: Link, listen: { host: string; port: number }): Promise<LinkControl> {
  const control = await openJsonControl({
    listen,
    actions: {
      'GET /stats': () => undefined,
      'POST /shape': (body) => link.shape(shapeSchema.parse(body)),
      'POST /cut': (body) => link.cut(cutSchema.parse(body)),
      'POST /up': () => link.up(),
      'POST /plan': (body) => link.plan(cutPlanSchema.parse(body)),
      'POST /reset-counters': () => link.resetCounters(),
    },
    answer: () => link.stats(),
  })
  const { address, port } = control.server.address() as AddressInfo
  return { url: `http://${address}:${port}`, [Symbol.asyncDispose]: () => control[Symbol.asyncDispose]() }
}
