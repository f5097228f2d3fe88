import type { ObjectStore, StoredObject, Upload } from './object-store.ts'

export function text(value: string): Buffer {
  return Buffer.from(value)
}

export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 4) bytes.writeUInt32LE(at, Math.min(at, size - 4))
  return bytes
}

export async function* chunks(...values: string[]): AsyncGenerator<Uint8Array> {
  for (const value of values) yield text(value)
}

export async function* after(event: Promise<void>, ...values: string[]): AsyncGenerator<Uint8Array> {
  await event
  yield* chunks(...values)
}

export async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function* failing(error: Error, ...values: string[]): AsyncGenerator<Uint8Array> {
  yield* chunks(...values)
  throw error
}

export async function publish(store: ObjectStore, key: string, bytes: Buffer): Promise<void> {
  await using upload = await store.openUpload(`upload-of-${key}`)
  await upload.append(inPieces(bytes, 65_536))
  await upload.publish(key)
}

export async function read(upload: Upload): Promise<string> {
  return Buffer.concat(await Array.fromAsync(upload.read())).toString()
}

export async function bytesOf(object: StoredObject): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(object.bytes))
}

/** Reads as one does whose chunks may be written over as soon as the next one is asked for. */
export async function copyOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of bytes) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

export async function textOf(object: StoredObject | undefined): Promise<string | undefined> {
  return object && (await bytesOf(object)).toString()
}

export async function keysOf(store: ObjectStore, prefix: string, after?: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix, { after }))).map(({ key }) => key)
}
