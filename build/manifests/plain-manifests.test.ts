import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { projectDirectory } from '../../test/harness/project-directory.ts'
import { requirePart } from '../../test/harness/require-part.ts'
import { plainManifests } from './plain-manifests.ts'

requirePart('helm')('the plain manifests', () => {
  it('are as the chart says: `npm run manifests` makes them', async () => {
    for (const { path: file, text } of await plainManifests()) {
      expect(await readFile(path.join(projectDirectory, file), 'utf8')).toBe(text)
    }
  })
})
