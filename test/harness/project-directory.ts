import { fileURLToPath } from 'node:url'

/** The root of the checkout, as an absolute path without a slash at its end. */
export const projectDirectory = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
