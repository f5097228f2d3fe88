import path from 'node:path'
import { execa } from 'execa'
import { toolDirectory } from '../tools/tool-directory.ts'
import { projectDirectory } from './project-directory.ts'

const chart = path.join(projectDirectory, 'deploy/chart')

/** Runs helm on our chart; needs `requirePart('helm')`. @throws Error with what helm says */
async function helm(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execa(path.join(toolDirectory('helm'), 'helm'), [command, ...args])
  return stdout
}

export interface ChartValues {
  readonly [key: string]: unknown
}

/** What `helm install kube-fledged --namespace kube-fledged` would apply: YAML documents. */
export function renderChart(values: ChartValues = {}, ...flags: readonly string[]): Promise<string> {
  const set = Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`])
  return helm('template', 'kube-fledged', chart, '--namespace', 'kube-fledged', ...set, ...flags)
}

/** What helm has to find fault with in the chart. */
export function lintChart(): Promise<string> {
  return helm('lint', '--strict', chart)
}

/** What whoever installs the chart with these values is told. */
export async function chartNotes(values: ChartValues): Promise<string> {
  const set = Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`])
  const text = await helm('install', 'kube-fledged', chart, '--dry-run=client', ...set)
  return text.slice(text.indexOf('NOTES:'))
}
