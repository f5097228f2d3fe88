/** Starts a program as root whom the permissions of files hold for (setpriv of util-linux). */
export const obedientRoot: readonly string[] = ['setpriv', '--bounding-set=-dac_override,-dac_read_search']
