import { findProcesses, killProcesses } from '../containerd/find-processes.ts'
import { apiServerMark, etcdMark, kubeApiFiles } from './kube-api-commands.ts'

/** Ends what runs for the API server whose files are in a directory, however its test ended. */
export async function sweepKubeApi(directory: string): Promise<void> {
  await killProcesses(await kubeApiProcesses(directory))
}

/** The processes that belong to a directory. */
export async function kubeApiProcesses(directory: string): Promise<number[]> {
  const files = kubeApiFiles(directory)
  const found = [findProcesses('kube-apiserver', apiServerMark(files)), findProcesses('etcd', etcdMark(files))]
  return (await Promise.all(found)).flat()
}
