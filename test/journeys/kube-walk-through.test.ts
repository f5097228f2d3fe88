import { expect, it } from 'vitest'
import { neverLate, type Agent } from '../harness/agent.ts'
import { openJourney } from '../harness/journey.ts'
import { openClusterSite } from '../harness/kube/cluster-site.ts'
import { kubeProgram } from '../harness/kube/kube-programs.ts'
import { holds } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import type { PushedImage } from '../harness/source-registry.ts'
import { namesInLayout } from '../harness/verify-layout.ts'
import { endWalk, walk, type WalkNode, type WalkSite } from '../harness/walk-through/walk.ts'

/** Every byte of what the node names is looked at. */
function nodeOf({ layout }: Agent, hostname: string, images: readonly PushedImage[]): WalkNode {
  return {
    hostname,
    async names() {
      const names = await namesInLayout(layout)
      const named = images.filter(({ reference }) => names.includes(reference))
      await holds(layout, named)
      return named.map(({ reference }) => reference)
    },
  }
}

requirePart('kube-api')('an ImageCache of a cluster', () => {
  it('goes the way that users of kube-fledged know, and its status says so in the same words', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube } = site
    const hostname = 'kubernetes.io/hostname'
    const one = await site.agent('edge-1', { labels: { [hostname]: 'vms105' }, flags: neverLate })
    const two = await site.agent('edge-2', { labels: { [hostname]: 'vms106' }, flags: neverLate })
    const [everywhere, special, added] = [
      await site.push('everywhere'),
      await site.push('special'),
      await site.push('added'),
    ]
    const images = [everywhere, special, added]
    const walkSite: WalkSite = {
      kubectl: [kubeProgram('kubectl'), '--kubeconfig', kube.files.kubeconfig],
      nodes: [nodeOf(one, 'vms105', images), nodeOf(two, 'vms106', images)],
      images: { everywhere: everywhere.reference, special: special.reference, added: added.reference },
    }
    await walk(walkSite)
    expect(await kube.kubectl('get', 'imagecaches', '--all-namespaces', '--no-headers')).toMatch(
      /^kube-fledged +imagecache1 +Succeeded +2\/2 +ImageCacheRefresh +\d+m?\d*s$/,
    )
    await endWalk(walkSite)
    expect(await kube.kubectl('get', 'edgenodes', '--no-headers')).toMatch(/edge-1\s+Online\s+True\s+Synced/)
  })
})
