import * as z from 'zod'
import { Fault } from './fault.ts'

/** `platform` of a descriptor (image-spec, image-index.md). */
export const platformSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  'os.version': z.string().optional(),
})

/** What a binary runs on, in Go's words (`linux`, `amd64`, `v7`). */
export type Platform = z.infer<typeof platformSchema>

/**
 * Reads `OS/ARCH[/VARIANT]`; common other names of an architecture (`x86_64`, `aarch64`, `armhf`) are understood.
 * @throws Fault invalid
 */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.trim().toLowerCase().split('/')
  const words = [os, architecture, variant].filter((word) => word !== undefined)
  if (!os || !architecture || rest.length > 0 || !words.every((word) => /^[a-z0-9][a-z0-9._-]*$/.test(word))) {
    throw new Fault(
      'invalid',
      `"${text.slice(0, 100)}" is not a platform; write OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64`,
    )
  }
  return normalise({ os, architecture, ...(variant ? { variant } : {}) })
}

/** `OS/ARCH[/VARIANT]`, such as `linux/arm64`; the same platform always gives the same text. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalise(platform)
  return [os, architecture, variant].filter((word) => word).join('/')
}

/** Sorted and without repetitions. */
export function uniquePlatforms(platforms: Iterable<Platform>): Platform[] {
  const byText = new Map([...platforms].map((platform) => [formatPlatform(platform), normalise(platform)]))
  return [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, platform]) => platform)
}

const aliases: Readonly<Record<string, Pick<Platform, 'architecture' | 'variant'>>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  x64: { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
  i386: { architecture: '386' },
}

/** The default variants are left out (arm64/v8, amd64/v1) and arm without one is v7, as containerd's platforms package does. */
function normalise(platform: Platform): Platform {
  const { variant: given, ...rest } = platform
  const alias = aliases[platform.architecture]
  const architecture = alias?.architecture ?? platform.architecture
  const variant = given ?? alias?.variant
  const implied = (architecture === 'arm64' && variant === 'v8') || (architecture === 'amd64' && variant === 'v1')
  if (architecture === 'arm' && !variant) return { ...rest, architecture, variant: 'v7' }
  return { ...rest, architecture, ...(variant && !implied ? { variant } : {}) }
}

/**
 * How well a binary of `offered` runs on a machine of `wanted`: 0 is exact, higher is worse, undefined is not at all.
 * 32-bit arm machines run older variants; amd64 machines of a higher level run lower ones.
 */
export function platformDistance(wanted: Platform, offered: Platform): number | undefined {
  const machine = normalise(wanted)
  const binary = normalise(offered)
  if (machine.os !== binary.os || machine.architecture !== binary.architecture) return undefined
  if (machine.variant === binary.variant) return 0
  const distance = level(machine) - level(binary)
  return distance > 0 ? distance : undefined
}

function level({ architecture, variant }: Platform): number {
  const number = Number(/^v(\d+)/.exec(variant ?? '')?.[1] ?? Number.NaN)
  if (Number.isFinite(number)) return number
  return architecture === 'arm64' ? 8 : 1
}

/** The entry that runs best on `wanted`, the first of equals; undefined if none does. Entries without a platform are no candidates. */
export function bestForPlatform<Entry extends { readonly platform?: Platform | undefined }>(
  entries: readonly Entry[],
  wanted: Platform,
): Entry | undefined {
  const ranked = entries.flatMap((entry) => {
    const distance = entry.platform && platformDistance(wanted, entry.platform)
    return distance === undefined ? [] : [{ entry, distance }]
  })
  return ranked.toSorted((a, b) => a.distance - b.distance)[0]?.entry
}
