import type { LayerSpec } from '../../image-maker/layer-spec.ts'
import { findCommand } from '../find-command.ts'

const applets = ['cat', 'echo', 'ls', 'sh', 'sleep', 'true']

/** A layer that a shell and a few programs run from. Tests that call it need `requirePart('busybox')`. */
export function busyboxLayer(): LayerSpec {
  const file = findCommand('busybox')!
  return {
    entries: [
      { path: 'bin/busybox', from: { file }, mode: 0o755 },
      ...applets.map((applet) => ({ path: `bin/${applet}`, from: { linkTo: 'busybox' } })),
    ],
    compression: { gzip: 1 },
  }
}
