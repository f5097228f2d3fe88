/** An open file. Positions and sizes are in bytes. */
export interface OpenFile extends AsyncDisposable {
  size(): Promise<number>
  /** Reads at most as much as fits; resolves with how much came, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes all of it. */
  write(bytes: Uint8Array, position: number): Promise<void>
  truncate(size: number): Promise<void>
  /** What was written before the call, by whomever, lies on the disk when it resolves (fdatasync). */
  sync(): Promise<void>
}

/**
 * All that the agent does with files.
 * @throws Fault no-space | denied | unavailable | invalid, naming the path; a file that is not there is no fault but `undefined`
 */
export interface FileSystem {
  /** With its parents, durable; nothing if it is there. */
  makeDirectory(path: string): Promise<void>
  /** Makes the file if it is not there and leaves what is in it. It can be read, too. */
  openForWriting(path: string): Promise<OpenFile>
  openForReading(path: string): Promise<OpenFile | undefined>
  sizeOf(path: string): Promise<number | undefined>
  /** Names in a directory; none if it is not there. */
  list(path: string): Promise<string[]>
  /** Moves a file over another one; `other-device` if it cannot be moved without copying, and then nothing happened. */
  rename(from: string, to: string): Promise<'renamed' | 'other-device'>
  /** Nothing if it is not there. */
  remove(path: string): Promise<void>
  /** Names that came, went or moved before the call, by whomever, are durable when it resolves. */
  syncDirectory(path: string): Promise<void>
  /** Bytes that the disk under a directory still takes. */
  freeBytes(path: string): Promise<number>
}
