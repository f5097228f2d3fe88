import type { IncomingMessage } from 'node:http'
import type { ContentStore } from '../store/content-store.ts'
import type { RecentlyUsed } from '../store/recently-used.ts'
import type { Answer } from './answer.ts'
import type { Access, Principal } from './authorize.ts'
import type { HotBlobs } from './hot-blobs.ts'
import type { RegistryPath } from './parse-path.ts'
import type { UploadSessions } from './upload-sessions.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One request on its way to an answer. */
export interface Exchange {
  readonly method: Method
  readonly query: URLSearchParams
  readonly request: IncomingMessage
  readonly store: ContentStore
  readonly uploads: UploadSessions
  /** Whether an image may be pushed whose config or layers are not here. */
  readonly takesSparse: boolean
  /** Bytes of a blob that is pushed, at most; absent: as many as there is room for. */
  readonly largestBlob?: number | undefined
  /** Bytes of manifests and small blobs by digest, which they were checked against; asked only for what was found to be in the repository. */
  readonly cache: RecentlyUsed<Uint8Array>
  /** The same for larger ones that many ask for. */
  readonly hotBlobs: HotBlobs
  /** Whether the client can be sent to where the bytes of a blob are. */
  readonly isRedirected: () => boolean
  /** Who asks, for decisions that `permit` does not take. */
  readonly principal: Principal
  /** Goes on only if it is allowed. @throws Refusal UNAUTHORIZED | DENIED */
  readonly permit: (access: Access) => Promise<void>
  readonly isPermitted: (access: Access) => Promise<boolean>
  /** Whether it is not, but would be with another token of the same user. */
  readonly isNarrowed: (access: Access) => boolean
}

export type PathKind = RegistryPath['kind']
export type PathOf<Kind extends PathKind> = Extract<RegistryPath, { readonly kind: Kind }>
export type Handler<Kind extends PathKind> = (exchange: Exchange, path: PathOf<Kind>) => Promise<Answer>

/** What can be done with one kind of path. */
export type Handlers<Kind extends PathKind> = Readonly<Partial<Record<Method, Handler<Kind>>>>
