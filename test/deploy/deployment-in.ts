/** The Deployment of this name among rendered documents; '' if there is none. */
export function deploymentIn(text: string, name: string): string {
  const parts = text.split('\n---\n')
  return parts.find((part) => part.includes('kind: Deployment') && part.includes(`name: ${name}\n`)) ?? ''
}
