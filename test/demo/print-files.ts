import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs'
import path from 'node:path'
import { describeFile } from './runtime/unpacked-files.ts'

/**
 * Reads every file below a directory and prints what is there, one JSON pair of path and description to a line. A program of its
 * own: what it reads is mounted for it alone, and gone from the machine with it.
 * usage: node --conditions=source test/demo/print-files.ts DIR
 */
const buffer = Buffer.allocUnsafe(1024 * 1024)
const [root] = process.argv.slice(2)
if (root === undefined) throw new Error('a directory is to be named')
for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
  const file = path.join(root, name)
  process.stdout.write(`${JSON.stringify([name, describe(file, lstatSync(file))])}\n`)
}

function describe(file: string, found: Stats): string {
  if (found.isSymbolicLink()) return `symlink ${readlinkSync(file)}`
  if (found.isFile()) return describeFile('file', found, `${found.size} ${sha256Of(file)}`)
  return describeFile(kindOf(found), found)
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'directory'
  if (found.isCharacterDevice()) return 'character-device'
  return found.isBlockDevice() ? 'block-device' : 'fifo'
}

function sha256Of(file: string): string {
  const hash = createHash('sha256')
  const opened = openSync(file, 'r')
  for (let length: number; (length = readSync(opened, buffer)) > 0;) hash.update(buffer.subarray(0, length))
  closeSync(opened)
  return hash.digest('hex')
}
