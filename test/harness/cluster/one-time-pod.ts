/** A pod whose container ends by itself, from an image that is on the node already. */
export function oneTimePod(name: string, image: string, imagePullPolicy: 'IfNotPresent' | 'Never'): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { restartPolicy: 'Never', containers: [{ name: 'app', image, imagePullPolicy }] },
  }
}
