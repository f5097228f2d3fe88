import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { manifestFiles } from './manifest-files.ts'

const project = path.join(import.meta.dirname, '../..')

it.each(manifestFiles())('$path is as its source says: `npm run manifests` makes it', async ({ path: file, text }) => {
  expect(await readFile(path.join(project, file), 'utf8')).toBe(text)
})
