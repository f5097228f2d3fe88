import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

export interface ImageList {
  readonly images: readonly string[]
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly pin?: boolean
}

/** What a test says of an ImageCache; it lives in the namespace `default`. */
export interface ImageCacheText {
  readonly name: string
  /** A list without a selector. */
  readonly images?: readonly string[]
  /** More lists. */
  readonly lists?: readonly ImageList[]
  /** More fields of `spec`. */
  readonly spec?: object
}

/** The YAML that a user of kube-fledged would write. */
export function imageCacheYaml({ name, lists = [], images, spec = {} }: ImageCacheText): string {
  const all = [...(images ? [{ images }] : []), ...lists]
  const items = all.map(({ images: names, nodeSelector, pin }) => [
    `  - images: ${JSON.stringify(names)}`,
    ...(nodeSelector ? [`    nodeSelector: ${JSON.stringify(nodeSelector)}`] : []),
    ...(pin === undefined ? [] : [`    pin: ${pin}`]),
  ])
  return [
    'apiVersion: kubefledged.io/v1alpha2',
    'kind: ImageCache',
    `metadata: { name: ${name}, namespace: default }`,
    'spec:',
    ...Object.entries(spec).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
    '  cacheSpec:',
    ...items.flat(),
    '',
  ].join('\n')
}

/** Writes `NAME.yaml` into a directory of wishes, whole at once; what was there under the name is replaced. */
export async function writeImageCache(directory: string, cache: ImageCacheText): Promise<void> {
  const file = path.join(directory, `${cache.name}.yaml`)
  await writeFile(`${file}.new`, imageCacheYaml(cache))
  await rename(`${file}.new`, file)
}

/** Takes `NAME.yaml` out of a directory of wishes. */
export async function removeImageCache(directory: string, name: string): Promise<void> {
  await rm(path.join(directory, `${name}.yaml`))
}
