import type { Removal } from '@stowage/mirror/edge/assignment'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { Database } from './database.ts'

/** That a cache named an image once: without such a note no image is ever taken away. */
export interface Wish {
  readonly name: string
  /** `metadata.uid` of the ImageCache. */
  readonly cache: string
  /** What the name meant when the cache named it last. */
  readonly digest: Digest
  /** What becomes of the image when no cache names it any more. */
  readonly removal: Removal
}

export interface Wishes {
  all(): Wish[]
  /** Replaces all of them at once. */
  replace(wishes: readonly Wish[]): void
  /** Forgets that any cache named this. */
  drop(name: string): void
}

export function createWishes(db: Database): Wishes {
  const select = db.prepare<Wish>('SELECT name, cache, digest, removal FROM wish ORDER BY name, cache')
  const upsert = db.prepare(
    `INSERT INTO wish (name, cache, digest, removal) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET digest = excluded.digest, removal = excluded.removal`,
  )
  const remove = db.prepare('DELETE FROM wish WHERE name = ? AND cache = ?')
  const removeName = db.prepare('DELETE FROM wish WHERE name = ?')
  const keyOf = ({ name, cache }: Wish): string => `${name} ${cache}`

  function change(old: readonly Wish[], wishes: readonly Wish[]): void {
    const before = new Map(old.map((wish) => [keyOf(wish), wish]))
    for (const wish of wishes) {
      const known = before.get(keyOf(wish))
      before.delete(keyOf(wish))
      if (known?.digest === wish.digest && known.removal === wish.removal) continue
      upsert.run(wish.name, wish.cache, wish.digest, wish.removal)
    }
    for (const gone of before.values()) remove.run(gone.name, gone.cache)
  }

  return {
    all: () => select.all(),
    replace: (wishes) => db.transaction(() => change(select.all(), wishes)),
    drop: (name) => removeName.run(name),
  }
}
