# The units of the package. A socket stands before the service that it would start again.
standard_units='onescand.socket onescan-milter.socket onescan-postfix.socket onescan-policy.socket
  onescand.service'
# That which services start by themselves; and for hosts with a page, for those whose filters ask clamd, and for
# those with mailboxes: the administrator enables them.
optional_units='onescan-root.service onescan-http.socket onescan-clamd.socket onescan-quotad.socket
  onescan-quotad-check.socket onescan-quotad.service'
