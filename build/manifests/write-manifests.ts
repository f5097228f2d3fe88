import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { manifestFiles } from './manifest-files.ts'

const project = path.join(import.meta.dirname, '../..')

for (const file of manifestFiles()) {
  const at = path.join(project, file.path)
  await mkdir(path.dirname(at), { recursive: true })
  await writeFile(at, file.text)
  console.log(file.path)
}
