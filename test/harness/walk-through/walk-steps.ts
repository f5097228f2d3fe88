/** The images of a walk: one for all nodes, one for the node that the second list selects, one that comes and goes. */
export type WalkImage = 'everywhere' | 'special' | 'added'

/** What a list holds; kube-fledged's users clear one by an image without a name. */
export type WalkList = readonly (WalkImage | '')[]

/** One thing that a user does to an ImageCache, and how it ends. */
export interface WalkStep {
  readonly what: string
  /** An edit: the first list is for all nodes, the second one for one of them. */
  readonly lists?: readonly WalkList[]
  /** An annotation. */
  readonly order?: 'refresh' | 'purge'
  readonly reason: 'ImageCacheCreate' | 'ImageCacheUpdate' | 'ImageCacheRefresh' | 'ImageCachePurge'
  readonly message: string
}

// As kube-fledged's users grep for them, letter by letter.
const pulled = 'All requested images pulled succesfully to respective nodes'
const deleted = 'All cached images succesfully deleted from respective nodes'
const update = 'ImageCacheUpdate'

/** The way through all that kube-fledged can do with an ImageCache, and two things that it cannot. */
export const walkSteps: readonly WalkStep[] = [
  { what: 'creating it', lists: [['everywhere'], ['special']], reason: 'ImageCacheCreate', message: pulled },
  { what: 'a refresh', order: 'refresh', reason: 'ImageCacheRefresh', message: pulled },
  { what: 'an image more', lists: [['everywhere', 'added'], ['special']], reason: update, message: pulled },
  { what: 'an image less', lists: [['everywhere'], ['special']], reason: update, message: deleted },
  { what: 'clearing a list by [""]', lists: [['everywhere'], ['']], reason: update, message: deleted },
  { what: 'filling it', lists: [['everywhere'], ['special']], reason: update, message: pulled },
  { what: 'clearing it by []', lists: [['everywhere'], []], reason: update, message: deleted },
  { what: 'filling it again', lists: [['everywhere'], ['special']], reason: update, message: pulled },
  { what: 'taking the whole list away', lists: [['everywhere']], reason: update, message: deleted },
  { what: 'a purge', order: 'purge', reason: 'ImageCachePurge', message: deleted },
  { what: 'a refresh after it', order: 'refresh', reason: 'ImageCacheRefresh', message: pulled },
]
