/** The paths between a node and the centre, all below one origin. */
export const edgePaths = {
  assignment: (node: string): string => `/edge/v1/nodes/${encodeURIComponent(node)}/assignment`,
  report: (node: string): string => `/edge/v1/nodes/${encodeURIComponent(node)}/report`,
} as const

/** How long the centre holds a long poll at most, in milliseconds: below the minute after which proxies give up. */
export const longestHoldMs = 50_000
