import type { ExpectedImage } from '../harness/verify-layout.ts'

/** An image of the demo: how a list names it, and what must be on a node that has it. */
export interface WishedImage {
  /** As an ImageCache names it. */
  readonly reference: string
  /** Short, for the screen. */
  readonly label: string
  readonly expected: ExpectedImage
}

/** Where the demo's images come from. */
export interface DemoSource {
  readonly v1: WishedImage
  readonly v2: WishedImage
  /** For the nodes on land alone. */
  readonly onLand: WishedImage | undefined
}
