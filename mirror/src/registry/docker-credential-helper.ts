import { execFile } from 'node:child_process'
import * as z from 'zod'
import { Fault } from '../oci/fault.ts'
import type { Credential } from './credential.ts'

/** What a helper answers (docker-credential-helpers, README, "Development"). */
const answerSchema = z.object({ Username: z.string(), Secret: z.string() })

/** What a helper says as the user name when the secret is an identity token. */
const tokenUser = '<token>'

const maxAnswerBytes = 1024 * 1024

export interface HelperOptions {
  /** The environment of the helper, with its PATH; without it the helper inherits ours. */
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly timeoutMs?: number | undefined
}

/** Asks one credential helper for the credential of a server; undefined if it has none. */
export type AskCredentialHelper = (helper: string, server: string) => Promise<Credential | undefined>

/**
 * Makes a caller of `docker-credential-NAME get`. Nothing passes through a shell; the server is given on standard input.
 * The caller throws Fault invalid (no such helper, or it fails) | unavailable (no answer in time).
 */
export function createCredentialHelper({ env, timeoutMs = 30_000 }: HelperOptions = {}): AskCredentialHelper {
  return async (helper, server) => {
    if (!/^[a-z0-9_.-]+$/i.test(helper)) {
      throw new Fault('invalid', `"${helper.slice(0, 100)}" is not a name of a Docker credential helper`)
    }
    const program = `docker-credential-${helper}`
    const output = await run(program, server, { env, timeoutMs })
    return output === undefined ? undefined : readAnswer(output, program)
  }
}

function run(program: string, input: string, { env, timeoutMs }: HelperOptions): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: maxAnswerBytes,
      ...(env ? { env } : {}),
    } as const
    const child = execFile(program, ['get'], options, (error, stdout) => {
      if (!error) resolve(stdout)
      else if (/credentials not found/i.test(stdout)) resolve(undefined)
      else reject(helperFault(error, program))
    })
    // A helper that does not read its input closes the pipe; its answer counts, not that.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function helperFault(error: Error & { code?: unknown; killed?: boolean }, program: string): Fault {
  const details = { program }
  if (error.code === 'ENOENT' || error.code === 'EACCES') {
    return new Fault('invalid', `credential helper ${program} is not installed or not on the PATH`, { details })
  }
  if (error.killed) return new Fault('unavailable', `credential helper ${program} did not answer in time`, { details })
  // Neither the cause nor the output is kept: nobody knows what a failing helper printed.
  return new Fault('invalid', `credential helper ${program} failed (exit code ${String(error.code)})`, { details })
}

function readAnswer(output: string, program: string): Credential {
  const { Username, Secret } = parseAnswer(output, program)
  const origin = `credential helper ${program}`
  if (Username === tokenUser) return { username: '', password: '', identityToken: Secret, origin }
  return { username: Username, password: Secret, origin }
}

function parseAnswer(output: string, program: string): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(output))
  } catch {
    // Not kept as the cause: its message may quote the secret.
    throw new Fault('invalid', `credential helper ${program} answered something that is not a credential`)
  }
}
