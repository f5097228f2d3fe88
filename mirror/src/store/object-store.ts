import type { SweepOptions, Swept } from './sweep.ts'

/** One stored object. No version of a key has the `etag` of an earlier one, be that deleted and the bytes the same. */
export interface ObjectInfo {
  readonly key: string
  /** Bytes. */
  readonly size: number
  readonly etag: string
  /** Last write, epoch milliseconds. */
  readonly changedAt: number
}

export interface ReadOptions {
  /** First byte, 0 by default. */
  readonly offset?: number | undefined
  /** How many bytes at most, all by default. */
  readonly length?: number | undefined
  /**
   * Chunks may be overwritten as soon as the next one is asked for, and until then others may look at them, too, so nobody may
   * change them: faster for who sends each on before that.
   */
  readonly reuseBuffers?: boolean | undefined
  /** Nobody will ask for it again soon, and nobody is in a hurry: it need not be kept in memory. */
  readonly isOnce?: boolean | undefined
  /** It is to be read where it is kept, even if it is in memory. */
  readonly isFresh?: boolean | undefined
}

export interface ListOptions {
  readonly after?: string | undefined
  /** Objects of at most so many bytes may come with them: for who will read them all, over a way that takes its time. */
  readonly bringUpTo?: number | undefined
  /** It may be long and nobody is in a hurry for it: it may begin later and disturb others less. */
  readonly inBackground?: boolean | undefined
}

/** An object as it is listed; with its bytes where the store brings them along. */
export interface ListedObject extends ObjectInfo {
  readonly bytes?: Uint8Array
}

export interface OpenUploadOptions {
  /** Whether an upload that is not there is begun, which is the default. */
  readonly create?: boolean | undefined
  /** Bytes that it will have in the end: where they do not fit, it is refused before the first of them. */
  readonly size?: number | undefined
}

export interface AppendOptions {
  /** Whether the bytes are durable when it resolves, which is the default; otherwise a later append makes them so. */
  readonly isDurable?: boolean | undefined
  /** Ends a wait for a store that is out of reach. */
  readonly signal?: AbortSignal | undefined
}

/** An object and its bytes; `bytes` must be iterated or returned, as it may hold a file open. */
export interface StoredObject {
  readonly info: ObjectInfo
  readonly bytes: AsyncIterable<Uint8Array>
  /** The same at once, where it is in memory already: others look at these bytes too, so nobody may change them. */
  readonly inMemory?: Buffer | undefined
}

/**
 * A write of unknown or large size that survives its process: bytes are appended under an id and become an object at once,
 * whole, or never. Kept until it is published or discarded; closing only lets go of it.
 */
export interface Upload extends AsyncDisposable {
  readonly id: string
  /** Bytes so far, as found in the store and not as remembered elsewhere. */
  readonly size: number
  /**
   * Changes with every append, whoever appends: what was seen of an upload counts only for the version it was seen in. Absent where
   * nobody but this process writes.
   */
  readonly version?: string | undefined
  /**
   * The store lies in another process, which sees all bytes of all writers: it refuses, with Fault corrupt, to `publish` as a
   * blob what has not the digest, and nobody else need take it.
   */
  readonly isProvedByStore?: boolean
  /**
   * Appends; resolves with the new size. Bytes that came before a failure stay, unless it is one of making them durable: then
   * the upload is gone. Chunks are kept for a moment before they are written: their maker must not use the same buffers again.
   * @throws Fault no-space | conflict (another writer) | not-found (it is gone) and whatever `bytes` throws
   */
  append(bytes: AsyncIterable<Uint8Array>, options?: AppendOptions): Promise<number>
  /** The bytes so far, or a part of them; none if the upload is gone. Others may be appended meanwhile. */
  read(options?: Pick<ReadOptions, 'offset' | 'length'>): AsyncIterable<Uint8Array>
  /** Durably makes it the object `key`, unless there is one already: the upload is gone either way. */
  publish(key: string): Promise<'created' | 'exists'>
  discard(): Promise<void>
}

/**
 * The keyed object store: all that the mirror needs of a disk, a bucket or memory. Keys are relative paths of safe
 * segments (`[a-zA-Z0-9._:+=@-]`, at most 255, none of them `.` or `..`; `object-key.ts` has the rules), compared and
 * listed bytewise; no key lies below another one. What a promise says is durable when it resolves.
 * @throws Fault no-space | unavailable from every verb; invalid for a key that is not one
 */
export interface ObjectStore extends AsyncDisposable {
  head(key: string): Promise<ObjectInfo | undefined>
  get(key: string, options?: ReadOptions): Promise<StoredObject | undefined>
  /** Creates an object; undefined if there is one already. Of several racing calls one wins. */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<ObjectInfo | undefined>
  /** Replaces an object whose etag is still this one; undefined if it is not. */
  putIfMatch(key: string, etag: string, bytes: Uint8Array): Promise<ObjectInfo | undefined>
  /** Deletes an object, only in this version if an etag is given; says whether it did. */
  delete(key: string, etag?: string): Promise<boolean>
  /** Objects whose key begins with `prefix`, ordered by key, those behind `after` only. What is written meanwhile may be among them. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListedObject>
  /** Opens or goes on with an upload; ids are single safe segments. @throws Fault not-found if there is none and none is to be begun | no-space */
  openUpload(id: string, options?: OpenUploadOptions): Promise<Upload>
  /**
   * The bytes of a small object, if they are in memory and are sure to be what `get` would find; the same buffer until the object
   * is written to. Absent where that is never sure.
   */
  peek?(key: string): Buffer | undefined
  /**
   * Gives an object in this version another key, and takes the place of what is there: its bytes are neither read nor written.
   * Says whether it did. Absent where bytes would have to be copied.
   */
  move?(key: string, etag: string, newKey: string): Promise<boolean>
  /** Where who has the address may read an object's bytes for a while, without us; undefined for one that is not kept that way. */
  locate?(key: string): Promise<URL | undefined>
  /** Deletes what processes that were killed left, and that nothing names; absent where nothing can be left. */
  sweep?(options: SweepOptions): Promise<Swept>
  listUploads(): AsyncIterable<{ readonly id: string; readonly size: number; readonly changedAt: number }>
}
