import path from 'node:path'
import { createPrograms } from '../programs.ts'
import { fleetAnswerSchema, type FleetOptions, type FleetOrder, type FleetStanding } from './fleet-messages.ts'

/** Simulated nodes in a process of their own. */
export interface RunningFleet extends AsyncDisposable {
  readonly pid: number
  /** Does it, and says how the fleet stands then. */
  tell(order: FleetOrder): Promise<FleetStanding>
}

/** Starts a fleet; its nodes come one after the other. */
export async function openFleet(options: FleetOptions): Promise<RunningFleet> {
  await using opening = new AsyncDisposableStack()
  const programs = opening.use(createPrograms())
  const script = path.join(import.meta.dirname, 'fleet-process.ts')
  const flags = ['--max-old-space-size=8192', '--conditions=source']
  const args = [...flags, script, JSON.stringify(options)]
  const program = programs.start(process.execPath, args, { name: 'fleet' })
  await program.waitForLine(/^fleet started$/)
  const opened = opening.move()
  let asked = 0
  return {
    pid: program.pid,
    async tell(order) {
      const id = ++asked
      program.writeLine(JSON.stringify({ id, order }))
      const { input } = await program.waitForLine(new RegExp(`^\\{"id":${id},.*`), { withinMs: 60_000 })
      return fleetAnswerSchema.parse(JSON.parse(input))
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
