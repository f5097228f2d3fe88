import type { Spawned } from '../harness/spawned.ts'

/** Waits until a program of ours serves, and says where: a URL without a slash at its end. */
export async function listeningUrl(program: Spawned): Promise<string> {
  const [line] = await program.waitForLine(/^\{.*"msg":"listening".*\}$/)
  return (JSON.parse(line) as { url: string }).url.replace(/\/$/, '')
}
