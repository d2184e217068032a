/** What looks like an address; the server looks more closely. */
export const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
