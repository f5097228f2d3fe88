import { dirname } from 'node:path'
import type { FileFacts, FileSystem, OpenFile } from '../file-system.ts'
import type { Disk, DiskFile } from './disk.ts'

interface FileNode {
  bytes: Buffer
  readonly inode: bigint
  links: number
  modifiedAtNs: bigint
}

const emptyDisk: Disk = new Map([['/', 'directory']])

/** A file system in memory, so that thousands of disks can be tried in a second. It keeps everything; `sync` does nothing. */
export function createMemoryFileSystem(disk: Disk = emptyDisk): FileSystem {
  const nodes = new Map<string, FileNode | 'directory'>()
  let inodes = 1n
  let lastTick = 0n
  const tick = (): bigint => {
    const now = BigInt(Date.now()) * 1_000_000n
    return (lastTick = now > lastTick ? now : lastTick + 1n)
  }

  const files = new Map<DiskFile, FileNode>()
  for (const [path, entry] of disk) nodes.set(path, entry === 'directory' ? entry : nodeOf(entry))

  function nodeOf(file: DiskFile): FileNode {
    const node = files.get(file) ?? createNode(Buffer.from(file.bytes))
    files.set(file, node)
    node.links++
    return node
  }

  function createNode(bytes: Buffer): FileNode {
    return { bytes, inode: ++inodes, links: 0, modifiedAtNs: tick() }
  }

  function nodeAt(path: string): FileNode | 'directory' {
    const node = nodes.get(path)
    if (node) return node
    throw errno(isFile(nodes.get(dirname(path))) ? 'ENOTDIR' : 'ENOENT', path)
  }

  function fileAt(path: string): FileNode {
    const node = nodeAt(path)
    if (node === 'directory') throw errno('EISDIR', path)
    return node
  }

  function add(path: string, node: FileNode | 'directory'): void {
    if (nodeAt(dirname(path)) !== 'directory') throw errno('ENOTDIR', path)
    if (nodes.has(path)) throw errno('EEXIST', path)
    nodes.set(path, node)
    if (node !== 'directory') node.links++
  }

  function remove(path: string): void {
    fileAt(path).links--
    nodes.delete(path)
  }

  return {
    async open(path, mode) {
      if (mode === 'create') add(path, createNode(Buffer.alloc(0)))
      const node = mode === 'read' ? nodeAt(path) : fileAt(path)
      return openNode(node, tick)
    },

    stat: async (path) => factsOf(nodeAt(path)),

    async list(directory) {
      if (nodeAt(directory) !== 'directory') throw errno('ENOTDIR', directory)
      return [...nodes]
        .filter(([path]) => path !== directory && dirname(path) === directory)
        .map(([path, node]) => ({ name: path.slice(path.lastIndexOf('/') + 1), isDirectory: node === 'directory' }))
    },

    makeDirectory: async (path) => add(path, 'directory'),
    link: async (path, newPath) => add(newPath, fileAt(path)),

    async rename(path, newPath) {
      const node = fileAt(path)
      if (nodes.get(newPath) === node) return
      if (nodes.has(newPath)) remove(newPath)
      add(newPath, node)
      remove(path)
    },

    unlink: async (path) => remove(path),

    async syncDirectory(path) {
      if (nodeAt(path) !== 'directory') throw errno('ENOTDIR', path)
    },

    freeBytes: async () => Infinity,
  }
}

function openNode(node: FileNode | 'directory', tick: () => bigint): OpenFile {
  const file = (): FileNode => {
    if (node === 'directory') throw errno('EISDIR', 'read')
    return node
  }
  return {
    stat: async () => factsOf(node),
    read: async (buffer, position) => file().bytes.subarray(position).copy(buffer),
    async write(chunks, position) {
      const bytes = Buffer.concat(chunks)
      const old = file().bytes
      const grown = Buffer.alloc(Math.max(old.length, position + bytes.length))
      old.copy(grown)
      bytes.copy(grown, position)
      file().bytes = grown
      file().modifiedAtNs = tick()
    },
    async truncate(size) {
      const cut = Buffer.alloc(size)
      file().bytes.copy(cut)
      file().bytes = cut
    },
    async setModifiedAt(time) {
      file().modifiedAtNs = BigInt(Math.round(time * 1000)) * 1000n
    },
    sync: async () => {},
    close: async () => {},
  }
}

function factsOf(node: FileNode | 'directory'): FileFacts {
  if (node === 'directory') return { size: 0, modifiedAtNs: 0n, inode: 0n, links: 2, isDirectory: true }
  const { bytes, modifiedAtNs, inode, links } = node
  return { size: bytes.length, modifiedAtNs, inode, links, isDirectory: false }
}

function isFile(node: FileNode | 'directory' | undefined): boolean {
  return node !== undefined && node !== 'directory'
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
