/** Where Debian keeps the CNI plugins. */
export const cniPlugins = '/usr/lib/cni'
