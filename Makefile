# Builds and installs onescan, for packagers and for hosts that have no package. A release's source tarball
# has dist/ and all that a build needs, so that neither target uses the network there.
#
#   make                    builds what is missing
#   make install            installs it below $(DESTDIR)$(PREFIX)
#
# RUNTIME=node installs the bundles of dist/, which run on the host's Node, and compiles the small programs in C.
# RUNTIME=compiled installs the programs of PROGRAMS, which need no Node: `npm run build:native` and
# `npm run build:client` make them, and need the network. It is the default where they have been made.
#
# It starts nothing and makes no account: packaging/shipped/systemd has sysusers*.conf and tmpfiles.conf.

DESTDIR =
PREFIX = /usr/local
DATADIR = $(PREFIX)/share/onescan
DOCDIR = $(PREFIX)/share/doc/onescan
MANDIR = $(PREFIX)/share/man
UNITDIR = $(PREFIX)/lib/systemd/system
SYSUSERSDIR = $(PREFIX)/lib/sysusers.d
TMPFILESDIR = $(PREFIX)/lib/tmpfiles.d
BASHCOMPLETIONDIR = $(PREFIX)/share/bash-completion/completions
ZSHCOMPLETIONDIR = $(PREFIX)/share/zsh/site-functions

NODE = node
RUNTIME = $(if $(wildcard build/native/onescan-runtime),compiled,node)
PROGRAMS = build/native
DIST = dist
# The socket of clamd, where it is not that of Debian's: /run/clamd.scan/clamd.sock on Fedora and its relatives.
CLAMD =

home = $(PREFIX)/lib/onescan
# Below the directory of the programs.
programs = $(if $(filter node,$(RUNTIME)),bin/)
# bin/ has a file for each program that an administrator runs; ordinary users run onescan alone.
in_sbin = $(shell find bin -maxdepth 1 -type f -perm -u+x ! -name onescan -printf '%f ')

# Modes do not depend on the umask, neither this one nor that under which the sources were unpacked.
to = "$(DESTDIR)$(1)"
put = install -D -m 644 $(1) $(call to,$(2))
put_tree = (cd $(1) && find . -type f) | while read -r file; do \
	if test -x "$(1)/$$file"; then mode=755; else mode=644; fi; \
	install -D -m $$mode "$(1)/$$file" $(call to,$(2)/)"$$file" || exit 1; done
put_unit = sed 's|/usr/sbin/onescan|$(PREFIX)/sbin/onescan|g; s|/usr/share/onescan/|$(DATADIR)/|g' \
	<packaging/shipped/systemd/$(1) >$(call to,$(UNITDIR)/$(1)) && chmod 644 $(call to,$(UNITDIR)/$(1))

.PHONY: all install install-node install-compiled
all: $(RUNTIME)

.PHONY: node compiled
node:
	test -e dist/onescand.cjs || { $(NODE) packaging/toolchain/build-tools.mjs && $(NODE) packaging/builds/build-bundles.mjs; }
	$(NODE) packaging/builds/build-for-npm.mjs --own
compiled:
	test -d "$(PROGRAMS)" || { $(NODE) packaging/toolchain/build-tools.mjs --toolchain && \
	  $(NODE) packaging/builds/build-bundles.mjs && $(NODE) packaging/builds/build-native.mjs && $(NODE) packaging/builds/build-client.mjs; }

install: install-$(RUNTIME)
	install -d $(call to,$(PREFIX)/bin) $(call to,$(PREFIX)/sbin) $(call to,$(UNITDIR))
	ln -sfn ../lib/onescan/$(programs)onescan $(call to,$(PREFIX)/bin/onescan)
	for name in $(in_sbin); do ln -sfn ../lib/onescan/$(programs)$$name $(call to,$(PREFIX)/sbin/)$$name || exit 1; done
	for page in man/*; do $(call put,$$page,$(MANDIR)/man$${page##*.}/$${page#man/}) || exit 1; done
	$(foreach unit,$(notdir $(wildcard packaging/shipped/systemd/*.service packaging/shipped/systemd/*.socket)),$(call put_unit,$(unit)) && ):
	$(call put,packaging/shipped/systemd/sysusers.conf,$(SYSUSERSDIR)/onescan.conf)
	$(call put,packaging/shipped/systemd/sysusers-quotad.conf,$(SYSUSERSDIR)/onescan-quotad.conf)
	$(call put,packaging/shipped/systemd/tmpfiles.conf,$(TMPFILESDIR)/onescan.conf)
	$(foreach name,defaults etc-default supervise monitoring container examples apparmor,$(call put_tree,packaging/shipped/$(name),$(DATADIR)/$(name)) && ):
	test -z "$(CLAMD)" || echo 'CLAMD="$(CLAMD)"' >>$(call to,$(DATADIR)/defaults/onescand)
	$(call put,packaging/shipped/scripts/self-test,$(DATADIR)/self-test)
	chmod 755 $(call to,$(DATADIR)/self-test)
	for name in README.md SECURITY.md CHANGELOG.md LICENSE; do $(call put,$$name,$(DOCDIR)/$$name) || exit 1; done
	$(call put,"$(DIST)/THIRD-PARTY-LICENSES",$(DOCDIR)/THIRD-PARTY-LICENSES)
	for page in doc/*.*; do $(call put,$$page,$(DOCDIR)/$$page) || exit 1; done # doc/development is for contributors
	$(call put_tree,doc/pictures,$(DOCDIR)/doc/pictures)
	$(call put,"$(DIST)/completion.bash",$(BASHCOMPLETIONDIR)/onescan)
	$(call put,"$(DIST)/completion.zsh",$(ZSHCOMPLETIONDIR)/_onescan)
	$(call put,src/scanner/plugin.ts,$(DATADIR)/examples/plugins/onescan-plugin.d.ts)

# The oldest Node is that of package.json.
needs_node = $(shell sed -n 's/.*"node": ">=\(.*\)".*/\1/p' package.json)
.PHONY: new-enough
new-enough:
	@has=$$($(NODE) --version) && printf 'v%s\n%s\n' $(needs_node) "$$has" | sort -CV || { \
	  echo "make: $(NODE) is Node $${has:-of no version}, and RUNTIME=node needs $(needs_node) or later: set NODE to it," >&2; \
	  echo 'make: with DESTDIR to one of the same version as on the host for which this is, or set RUNTIME=compiled' >&2; exit 1; }

install-node: new-enough node
	$(call put,package.json,$(home)/package.json)
	$(call put_tree,bin,$(home)/bin)
	$(call put_tree,dist,$(home)/dist)

install-compiled: compiled
	install -d $(call to,$(home))
	cp -a "$(PROGRAMS)/." $(call to,$(home))
	rm -f $(call to,$(home)/)*-sanitized
