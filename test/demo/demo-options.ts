import { parseArgs } from 'node:util'
import { imageNameOf } from '@stowage/mirror/edge/set'
import { isFault } from '@stowage/mirror/oci/fault'
import { parseReference } from '@stowage/mirror/oci/reference'
import { runtimeKinds, type RuntimeKind } from './runtime/node-runtime.ts'

export type DemoSize = 'full' | 'small'

/** What the demo was asked to do. */
export type DemoOptions =
  | { readonly kind: 'help' }
  /** Images made here; `small` ones are for tests of the demo itself. */
  | ({ readonly kind: 'made'; readonly size: DemoSize } & NodeOptions)
  /** Images of somebody's registry, as they were written. */
  | ({ readonly kind: 'named'; readonly image: string; readonly next: string } & NodeOptions)

interface NodeOptions {
  /** Undefined: containerd where it can be used. */
  readonly runtime: RuntimeKind | undefined
}

/** Bad flags: shown as one sentence, without a trace. */
export class UsageError extends Error {}

export const usage = `usage: npm run demo [-- [--runtime layout|containerd] [--image REF --next REF]]

A centre, three edge nodes behind links that are slow and cut again and again, and a fourth without a link.
Images go to all of them, a second version follows, and every byte on every node is checked by digest.

  --runtime layout|containerd
                           where the nodes keep images: each in a containerd of its own, started and ended by the demo
                           (this needs root and containerd, ctr and runc on the PATH), or each in an OCI image layout,
                           a directory; default: containerd if that can be used here

  --image REF --next REF   two versions of an image of any registry instead of images made on this machine;
                           credentials come from the Docker configuration (DOCKER_CONFIG), trust and plain HTTP
                           from STOWAGE_CA_FILE and STOWAGE_INSECURE_REGISTRY
  --help                   this text

It needs 2 GB in the temporary directory (TMPDIR) while it runs, and takes about a minute.`

/**
 * Reads the command line of the demo.
 * @throws UsageError
 */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  const { help, image, next, size, runtime } = readFlags(args)
  if (help) return { kind: 'help' }
  if (!isRuntimeKind(runtime)) throw new UsageError(`--runtime is layout or containerd, not "${runtime}"`)
  if (size !== 'full' && size !== 'small') throw new UsageError(`--size is full or small, not "${size}"`)
  if (image === undefined && next === undefined) return { kind: 'made', size, runtime }
  if (image === undefined) throw new UsageError('--next needs --image: the version that the nodes get first')
  if (next === undefined) throw new UsageError('--image needs --next: the version that follows')
  if (nameOf('--image', image) === nameOf('--next', next)) {
    throw new UsageError(`--image and --next are both ${nameOf('--next', next)}: give two tags or digests`)
  }
  return { kind: 'named', image, next, runtime }
}

interface Flags {
  readonly help: boolean
  readonly image?: string | undefined
  readonly next?: string | undefined
  readonly runtime?: string | undefined
  readonly size: string
}

function readFlags(args: readonly string[]): Flags {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        image: { type: 'string' },
        next: { type: 'string' },
        runtime: { type: 'string' },
        size: { type: 'string', default: 'full' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function isRuntimeKind(text: string | undefined): text is RuntimeKind | undefined {
  return text === undefined || runtimeKinds.some((kind) => kind === text)
}

function nameOf(flag: string, text: string): string {
  try {
    return imageNameOf(parseReference(text))
  } catch (error) {
    if (isFault(error)) throw new UsageError(`${flag}: ${error.message}`, { cause: error })
    throw error
  }
}
