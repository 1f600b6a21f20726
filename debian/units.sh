# The units of the package. A socket stands before the service that it would start again.
standard_units='onescand.socket onescan-milter.socket onescan-postfix.socket onescan-policy.socket
  onescand.service'
# For hosts with a page, and for those with mailboxes: the administrator enables them.
optional_units='onescan-http.socket onescan-quotad.socket onescan-quotad.service'
