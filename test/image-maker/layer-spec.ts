/** Where the bytes of an entry come from. A tree brings its files, directories and symbolic links, never devices. */
export type EntrySource =
  | { readonly file: string }
  | {
      readonly tree: string
      /** Asked for each file and directory below the tree, by its path relative to it; a refused directory is not entered. */
      readonly include?: (relativePath: string) => boolean
    }
  | { readonly content: Uint8Array | string }
  | { readonly random: SeededBytes }
  | { readonly linkTo: string }

/** So many bytes that do not compress; the same seed gives the same bytes. */
export interface SeededBytes {
  readonly size: number
  readonly seed: string
}

export interface LayerEntry {
  /** Inside the image, without a leading slash. Of two entries with one path the later counts, also against a tree. */
  readonly path: string
  readonly from: EntrySource
  /** Default: 0o755 for what its owner may run, else 0o644; so the umask of a checkout changes no digest. */
  readonly mode?: number
}

/** Gzip by its level (0 stores, 1 is fast, 6 is what builders use), zstd, or a plain tar. */
export type Compression = { readonly gzip: 0 | 1 | 6 | 9 } | 'zstd' | 'none'

/** What a layer is made of. Parent directories of the entries come by themselves. */
export interface LayerSpec {
  readonly entries: readonly LayerEntry[]
  /** Default: gzip level 6. */
  readonly compression?: Compression
}
