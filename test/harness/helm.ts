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

/** As flags of helm. */
export function valueFlags(values: ChartValues): string[] {
  return Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`])
}

/** What `helm install kube-fledged --namespace kube-fledged` would apply: YAML documents. */
export function renderChart(values: ChartValues = {}, from = chart): Promise<string> {
  return helm('template', 'kube-fledged', from, '--namespace', 'kube-fledged', ...valueFlags(values))
}

export interface InstallChartOptions {
  readonly kubeconfig: string
  readonly namespace: string
  readonly values?: ChartValues
}

/** Installs the chart as `kube-fledged`, or upgrades it, and does not wait for its pods. */
export async function installChart({ kubeconfig, namespace, values = {} }: InstallChartOptions): Promise<void> {
  const where = ['--kubeconfig', kubeconfig, '--namespace', namespace, '--create-namespace']
  await helm('upgrade', '--install', 'kube-fledged', chart, ...where, ...valueFlags(values))
}

/** What helm has to find fault with in the chart. */
export function lintChart(): Promise<string> {
  return helm('lint', '--strict', chart)
}

/** What whoever installs the chart with these values is told. */
export async function chartNotes(values: ChartValues): Promise<string> {
  const text = await helm('install', 'kube-fledged', chart, '--dry-run=client', ...valueFlags(values))
  return text.slice(text.indexOf('NOTES:'))
}
