import * as z from 'zod'
import type { Platform } from '../oci/platform.ts'

/** What people want to know of an image's configuration (image-spec, config.md). */
export interface ConfigSummary {
  readonly platform: Platform | null
  /** RFC 3339, as it is written there. */
  readonly created: string | null
  readonly user: string | null
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly workingDir: string | null
  readonly exposedPorts: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

const text = z
  .string()
  .nullish()
  .catch(null)
  .transform((value) => value || null)
const words = z.array(z.string()).nullish().catch(null)
const run = z.object({
  User: text,
  Entrypoint: words.transform((value) => value ?? []),
  Cmd: words.transform((value) => value ?? []),
  WorkingDir: text,
  ExposedPorts: z.record(z.string(), z.unknown()).catch({}),
  Labels: z.record(z.string(), z.string()).catch({}),
})
const nothing = run.parse({})
const schema = z.object({ os: text, architecture: text, variant: text, created: text, config: run.catch(nothing) })

/** Reads what can be read of it; undefined if it is no configuration at all. */
export function parseConfigSummary(bytes: Uint8Array): ConfigSummary | undefined {
  const parsed = schema.safeParse(parseJson(bytes))
  if (!parsed.success) return undefined
  const { os, architecture, variant, created, config } = parsed.data
  return {
    platform: os && architecture ? { os, architecture, ...(variant ? { variant } : {}) } : null,
    created,
    user: config.User,
    entrypoint: config.Entrypoint,
    cmd: config.Cmd,
    workingDir: config.WorkingDir,
    exposedPorts: Object.keys(config.ExposedPorts),
    labels: config.Labels,
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    // What is no JSON is no configuration: the caller hears so by the schema.
    return undefined
  }
}
