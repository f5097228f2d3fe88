import { Command } from 'commander'
import type { CommandContext } from './command-context.ts'
import { agentCommand } from './commands/agent.ts'
import { bundleCommand } from './commands/bundle.ts'
import { getCommand } from './commands/get.ts'
import { mirrorCommand } from './commands/mirror.ts'
import { upCommand } from './commands/up.ts'
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

/** All commands, ready to be parsed. Bad usage is thrown as commander's error, after it was printed. */
export function createProgram(context: CommandContext): Command {
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
  for (const command of [upCommand, agentCommand, mirrorCommand, getCommand, bundleCommand]) {
    program.addCommand(command(context))
  }
  inherit(program)
  return program
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
