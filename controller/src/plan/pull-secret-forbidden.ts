/** Reason of what comes of Secrets that may not be read, and the beginning of the words that tell how to grant it. */
export const pullSecretForbidden = 'PullSecretForbidden'
