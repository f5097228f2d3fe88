import { eventually, type EventuallyOptions } from './eventually.ts'
import type { PushedImage } from './source-registry.ts'
import { namesInLayout, verifyLayout } from './verify-layout.ts'

/** Resolves when every byte of these images is in a node's layout under their names. */
export async function untilHeld(
  layout: string,
  images: readonly PushedImage[],
  options: EventuallyOptions = {},
): Promise<void> {
  const names = images.map(({ reference }) => reference).join(', ')
  await eventually(() => holds(layout, images), { what: `${names} in ${layout}`, withinMs: 60_000, ...options })
}

/** Resolves when a node's layout does not have this name any more. */
export async function untilGone(
  layout: string,
  { reference }: PushedImage,
  options: EventuallyOptions = {},
): Promise<void> {
  const isGone = async (): Promise<boolean> => !(await namesInLayout(layout)).includes(reference)
  await eventually(isGone, { what: `${reference} gone from ${layout}`, withinMs: 60_000, ...options })
}

/** @throws Error that says what is missing */
export async function holds(layout: string, images: readonly PushedImage[]): Promise<true> {
  for (const { expected } of images) await verifyLayout(layout, expected)
  return true
}
