import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { whyNotInstalled } from '../../test/tools/tool-directory.ts'
import { manifestFiles, type ManifestFile } from './manifest-files.ts'
import { plainManifests } from './plain-manifests.ts'

const project = path.join(import.meta.dirname, '../..')

for (const file of [...manifestFiles(), ...(await fromChart())]) {
  const at = path.join(project, file.path)
  await mkdir(path.dirname(at), { recursive: true })
  await writeFile(at, file.text)
  console.log(file.path)
}

async function fromChart(): Promise<ManifestFile[]> {
  const missing = whyNotInstalled('helm')
  if (missing === undefined) return plainManifests()
  console.error(`deploy/manifests stays as it is: ${missing}; install it with: npm run tools helm`)
  process.exitCode = 3
  return []
}
