import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { toolGroups, type ToolGroupName } from './tool-groups.ts'

/**
 * Where the programs of a group lie, if they are installed: below `STOWAGE_TOOLS`, or else in the home's cache. Another
 * version has another directory.
 */
export function toolDirectory(group: ToolGroupName): string {
  const all = process.env['STOWAGE_TOOLS'] ?? path.join(homedir(), '.cache', 'stowage', 'tools')
  const { version, madeFrom } = toolGroups[group]
  return path.join(all, `${group}-${version}-${madeFrom.slice(0, 12)}`)
}

/** Why the programs of a group cannot be used, or undefined if they can. */
export function whyNotInstalled(group: ToolGroupName): string | undefined {
  // The directory comes by a rename when all is in it.
  return existsSync(toolDirectory(group)) ? undefined : `${group} ${toolGroups[group].version} is not installed`
}
