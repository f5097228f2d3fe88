import { Fault } from '@stowage/mirror/oci/fault'
import { Command } from 'commander'
import type { CommandContext } from './command-context.ts'
import { option } from './option.ts'

const firstSteps = `
First steps:
  stowage up --caches ./caches --data ./data            a centre: wishes are the YAML files in ./caches
  stowage agent --node shop-1 --data ./shop-1/data --runtime layout:./shop-1/images
                                                        a node that takes its images from it
  stowage get caches                                    what is wanted, and how far it is
  stowage get nodes -o wide                             who is there, and why something waits
  stowage bundle export --cache default/shop -o shop.tar
                                                        the same images on a disk, for a site without a link
An image is taken out by taking it out of its ImageCache. Every flag can stand in the environment: --data is STOWAGE_DATA.
"stowage COMMAND --help" tells more of each.`

type MakeCommand = (context: CommandContext) => Command

/** Each is loaded only when it is named: an agent that runs for months need not keep a centre in memory. */
const commands: Readonly<Record<string, () => Promise<MakeCommand>>> = {
  up: async () => (await import('./commands/up.ts')).upCommand,
  controller: async () => (await import('./commands/controller.ts')).controllerCommand,
  webhook: async () => (await import('./commands/webhook.ts')).webhookCommand,
  agent: async () => (await import('./commands/agent.ts')).agentCommand,
  mirror: async () => (await import('./commands/mirror.ts')).mirrorCommand,
  get: async () => (await import('./commands/get.ts')).getCommand,
  bundle: async () => (await import('./commands/bundle.ts')).bundleCommand,
}

/** What operators have a mirror do besides serving: `stowage mirror VERB`. */
const mirrorVerbs: Readonly<Record<string, () => Promise<MakeCommand>>> = {
  ls: async () => (await import('./commands/mirror-ls.ts')).mirrorLsCommand,
  inspect: async () => (await import('./commands/mirror-inspect.ts')).mirrorInspectCommand,
  rm: async () => (await import('./commands/mirror-rm.ts')).mirrorRmCommand,
  copy: async () => (await import('./commands/mirror-copy.ts')).mirrorCopyCommand,
  gc: async () => (await import('./commands/mirror-gc.ts')).mirrorGcCommand,
  scrub: async () => (await import('./commands/mirror-scrub.ts')).mirrorScrubCommand,
  fsck: async () => (await import('./commands/mirror-fsck.ts')).mirrorFsckCommand,
}

/**
 * The program, ready to parse these arguments: with the commands that they name, or with all of them for help and for what is no
 * command. Bad usage is thrown as commander's error, after it was printed.
 */
export async function createProgram(context: CommandContext, args: readonly string[]): Promise<Command> {
  const program = new Command('stowage')
    .description('Keeps container images on board of edge nodes whose link comes and goes.')
    .version(context.version)
    .addOption(
      option('--log-level <level>', 'what is logged').choices(['debug', 'info', 'warn', 'error']).default('info'),
    )
    .addOption(
      option('--log-format <format>', 'auto: text on a terminal, JSON elsewhere')
        .choices(['auto', 'json', 'text'])
        .default('auto'),
    )
    .addHelpText('after', firstSteps)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(withoutUserInfo(text)) })
    .showHelpAfterError('(--help shows what is possible)')
    .configureHelp({ showGlobalOptions: true })
  const named = Object.keys(commands).filter((name) => args.includes(name))
  for (const name of named.length > 0 ? named : Object.keys(commands)) {
    const make = name === 'mirror' ? await mirrorNamedBy(args) : await commands[name]!()
    program.addCommand(make(context))
  }
  inherit(program)
  return program
}

/** A verb that is named is alone: flags of the same name would be taken for those of who serves. */
async function mirrorNamedBy(args: readonly string[]): Promise<MakeCommand> {
  const verb = args[args.indexOf('mirror') + 1] ?? ''
  const isVerb = Object.hasOwn(mirrorVerbs, verb)
  const verbs = isVerb ? [verb] : Object.keys(mirrorVerbs)
  const made = await Promise.all(verbs.map((name) => mirrorVerbs[name]!()))
  const makeMirror = isVerb ? () => new Command('mirror') : await commands['mirror']!()
  return (context) => {
    const mirror = makeMirror(context).helpCommand(false)
    if (!isVerb && /^[^-]/.test(verb)) refuseVerb(mirror)
    for (const make of made) mirror.addCommand(make(context))
    return mirror
  }
}

/** Who mistypes a verb hears of those that there are, whatever flags it was to have. */
function refuseVerb(mirror: Command): void {
  mirror
    .argument('[verb...]')
    .allowUnknownOption()
    .action(([verb = '']: readonly string[]) => {
      const verbs = Object.keys(mirrorVerbs).join(', ')
      throw new Fault('invalid', `a mirror has no command '${verb}'; there are ${verbs}, and none to serve`)
    })
}

/** `addCommand` does not hand the settings down as `command()` does. */
function inherit(parent: Command): void {
  for (const child of parent.commands) {
    child.copyInheritedSettings(parent)
    inherit(child)
  }
}

/** What was written wrong is repeated in messages; the password in a URL is not. */
function withoutUserInfo(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, '//')
}
