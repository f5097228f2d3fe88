import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { CannotBeHad } from './cannot-be-had.ts'
import { toolDirectory, whyNotInstalled } from './tool-directory.ts'
import { toolGroups, type ToolGroupName } from './tool-groups.ts'

const usage = `Installs programs that tests use as real parts and that apt does not bring; what is installed stays.

    npm run tools GROUP...      groups: ${Object.keys(toolGroups).join(' ')}

Ends with 3 if a group cannot be had on this machine or from the archive that it uses.`

const words = process.argv.slice(2)
const unknown = words.filter((word) => !Object.hasOwn(toolGroups, word))
if (words.length === 0 || unknown.length > 0) {
  console.error(unknown.length > 0 ? `There is no group ${unknown.join(', ')}.\n\n${usage}` : usage)
  process.exit(2)
}
for (const word of words) await install(word as ToolGroupName)

async function install(name: ToolGroupName): Promise<void> {
  const { version } = toolGroups[name]
  const directory = toolDirectory(name)
  if (whyNotInstalled(name) === undefined) return console.log(`${name} ${version} is there: ${directory}`)
  const unfinished = `${directory}.${randomUUID()}`
  const startedAt = performance.now()
  try {
    await toolGroups[name].install(unfinished)
    await rename(unfinished, directory)
    console.log(`${name} ${version} took ${Math.round((performance.now() - startedAt) / 1000)} s: ${directory}`)
  } catch (error) {
    if (!(error instanceof CannotBeHad)) throw error
    console.error(`${name} ${version} cannot be had: ${error.message}.`)
    process.exitCode = 3
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}
