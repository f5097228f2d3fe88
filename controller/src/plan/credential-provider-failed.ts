/** Reason of what comes of a plugin that fails where no other credential is let in, and the beginning of the words about it. */
export const credentialProviderFailed = 'CredentialProviderFailed'
